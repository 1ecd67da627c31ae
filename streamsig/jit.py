"""Machine code from Python, for the few loops that must run at the speed of memory.

A `Function` is written with ordinary operators on `Value`s, which note LLVM instructions instead of
computing; `compile_functions` lets LLVM optimise them for the processor at hand (AVX-512, AVX2 or
NEON, as it has) and returns callables that release the GIL. There is no C compiler in this, and no
file is written: a kernel takes some milliseconds to compile when it is first used.

`llvmlite` is what Numba stands on. Numba itself would read better still, but takes 0.25 s and
35 MiB more to import, in a program that answers in half a second.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
from llvmlite import ir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BOOL, I8, I32, I64, I128 = (ir.IntType(bits) for bits in (1, 8, 32, 64, 128))
POINTER = ir.PointerType()

LANES = 64
BLOCK = ir.VectorType(I8, LANES)
"""As many bytes as a mask has bits."""


class Value:
    """An integer, a vector or a pointer that a kernel computes.

    Comparisons are unsigned, `>>` shifts zeros in; a Python integer beside a value takes its type.
    """

    def __init__(self, function: Function, value: ir.Value) -> None:
        self.function, self.value = function, value

    def _operand(self, other: Value | int) -> ir.Value:
        if isinstance(other, Value):
            return other.value
        kind = self.value.type
        return ir.Constant(kind, [other] * LANES if kind == BLOCK else other & ((1 << kind.width) - 1))

    def _with(self, note: Callable[..., ir.Value], other: Value | int) -> Value:
        return Value(self.function, note(self.value, self._operand(other)))

    def __add__(self, other: Value | int) -> Value:
        return self._with(self.function.note.add, other)

    def __sub__(self, other: Value | int) -> Value:
        return self._with(self.function.note.sub, other)

    def __mul__(self, other: Value | int) -> Value:
        return self._with(self.function.note.mul, other)

    def __and__(self, other: Value | int) -> Value:
        return self._with(self.function.note.and_, other)

    def __or__(self, other: Value | int) -> Value:
        return self._with(self.function.note.or_, other)

    def __xor__(self, other: Value | int) -> Value:
        return self._with(self.function.note.xor, other)

    def __lshift__(self, other: Value | int) -> Value:
        return self._with(self.function.note.shl, other)

    def __rshift__(self, other: Value | int) -> Value:
        return self._with(self.function.note.lshr, other)

    def __invert__(self) -> Value:
        return Value(self.function, self.function.note.not_(self.value))

    def _compared(self, sign: str, other: Value | int) -> Value:
        return Value(self.function, self.function.note.icmp_unsigned(sign, self.value, self._operand(other)))

    def __lt__(self, other: Value | int) -> Value:
        return self._compared("<", other)

    def __le__(self, other: Value | int) -> Value:
        return self._compared("<=", other)

    def __gt__(self, other: Value | int) -> Value:
        return self._compared(">", other)

    def __ge__(self, other: Value | int) -> Value:
        return self._compared(">=", other)

    def __eq__(self, other: Value | int) -> Value:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: Value | int) -> Value:  # type: ignore[override]
        return self._compared("!=", other)

    __hash__ = None  # type: ignore[assignment]

    def to(self, kind: ir.Type) -> Value:
        """Return the integer with fewer bits, or with zeros in front."""
        if self.value.type == kind:
            return self
        note = self.function.note
        return Value(self.function, (note.trunc if kind.width < self.value.type.width else note.zext)(self.value, kind))

    def signed(self, kind: ir.Type) -> Value:
        """Return the signed integer with more bits."""
        return Value(self.function, self.function.note.sext(self.value, kind))

    def either(self, yes: Value | int, no: Value) -> Value:
        """Return `yes` where this truth value is true, else `no`; both are computed."""
        return Value(self.function, self.function.note.select(self.value, no._operand(yes), no.value))

    def mask(self, byte: Value) -> Value:
        """Return 64 bits that tell which bytes of this block equal `byte`, the first in the lowest bit."""
        note = self.function.note
        splat = note.insert_element(ir.Constant(BLOCK, ir.Undefined), byte.value, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
        splat = note.shuffle_vector(splat, ir.Constant(BLOCK, ir.Undefined), lanes)
        return Value(self.function, note.bitcast(note.icmp_unsigned("==", self.value, splat), I64))

    def trailing_zeros(self) -> Value:
        """Return the place of the lowest bit that is set, of 64."""
        return Value(self.function, self.function.note.cttz(self.value, ir.Constant(BOOL, 0)))

    def bits(self) -> Value:
        """Return the number of bits that are set."""
        return Value(self.function, self.function.note.ctpop(self.value))

    def load(self, kind: ir.Type, index: Value | int = 0, *, align: int = 1) -> Value:
        """Return element `index` of the array of `kind` that this pointer is the start of."""
        return Value(self.function, self.function.note.load(self._place(kind, index), typ=kind, align=align))

    def store(self, value: Value, index: Value | int = 0) -> None:
        """Set element `index` of the array that this pointer is the start of."""
        place = self._place(value.value.type, index)
        self.function.note.store(value.value, place, align=max(1, value.value.type.width // 8))

    def store_unaligned(self, value: Value) -> None:
        """Set what this pointer points to, wherever that is."""
        self.function.note.store(value.value, self.value, align=1)

    def at(self, offset: Value) -> Value:
        """Return the pointer `offset` bytes further on."""
        return Value(self.function, self.function.note.gep(self.value, [offset.value], source_etype=I8))

    def _place(self, kind: ir.Type, index: Value | int) -> ir.Value:
        where = index.value if isinstance(index, Value) else ir.Constant(I64, index)
        return self.function.note.gep(self.value, [where], source_etype=kind)


class Variable:
    """A local variable of a kernel; LLVM keeps it in a register."""

    def __init__(self, function: Function, start: Value) -> None:
        self._function = function
        with function.note.goto_entry_block():
            self._slot = function.note.alloca(start.value.type)
        self.set(start)
        self._kind = start.value.type

    def get(self) -> Value:
        """Return what it holds here."""
        return Value(self._function, self._function.note.load(self._slot, typ=self._kind))

    def set(self, value: Value) -> None:
        """Let it hold `value` from here on."""
        self._function.note.store(value.value, self._slot)


class Function:
    """A kernel being written: 64-bit arguments and pointers in, a 64-bit integer out."""

    def __init__(self, module: ir.Module, name: str, kinds: Sequence[ir.Type]) -> None:
        self.made = ir.Function(module, ir.FunctionType(I64, kinds), name)
        self.note = ir.IRBuilder(self.made.append_basic_block("entry"))
        self.arguments = tuple(Value(self, argument) for argument in self.made.args)
        body = self.made.append_basic_block("body")
        self.note.branch(body)
        self.note.position_at_end(body)

    def number(self, value: int, kind: ir.Type = I64) -> Value:
        """Return a constant."""
        return Value(self, ir.Constant(kind, value))

    def variable(self, start: Value | int) -> Variable:
        """Return a new local variable; an integer makes one of 64 bits."""
        return Variable(self, start if isinstance(start, Value) else self.number(start))

    @contextmanager
    def loop(self, condition: Callable[[], Value]) -> Iterator[None]:
        """Repeat what is noted inside for as long as the condition, looked at before each turn, holds."""
        head, body, after = (self.made.append_basic_block(name) for name in ("head", "turn", "after"))
        self.note.branch(head)
        self.note.position_at_end(head)
        self.note.cbranch(condition().value, body, after)
        self.note.position_at_end(body)
        yield
        self.note.branch(head)
        self.note.position_at_end(after)

    @contextmanager
    def when(self, condition: Value, *, likely: bool | None = None) -> Iterator[None]:
        """Do what is noted inside only where the condition holds."""
        with self.note.if_then(condition.value, likely=likely):
            yield

    def give(self, value: Value) -> None:
        """Return the value from the kernel, here."""
        self.note.ret(value.value)


class Compiled:
    """Kernels as machine code, which lives as long as one of its callables."""

    def __init__(self, module: ir.Module) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        parsed = llvm.parse_assembly(str(module))
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
        )
        # variables to registers, and no more: what the whole series of passes adds takes longer than it saves
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.run(parsed, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
        self._engine = llvm.create_mcjit_compiler(parsed, machine)
        self._engine.finalize_object()

    def callable(self, function: Function) -> Callable[..., int]:
        """Return the kernel as a function of integers; pointers are passed as addresses."""
        arguments = [ctypes.c_void_p if kind == POINTER else ctypes.c_int64 for kind in _kinds(function)]
        made = ctypes.CFUNCTYPE(ctypes.c_int64, *arguments)(self._engine.get_function_address(function.made.name))
        made.code = self  # type: ignore[attr-defined]
        return made


def _kinds(function: Function) -> Any:  # noqa: ANN401 (llvmlite ships no types)
    return function.made.function_type.args
