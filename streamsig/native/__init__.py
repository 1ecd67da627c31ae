"""The kernels: loops over whole arrays that must run at the speed of memory, in C beside this file.

`hatch_build.py` compiles them when streamsig is installed, into one library per level of processor. The best that
the processor can run is loaded when `library` is imported. Kernels take contiguous arrays, whose types are checked,
release the GIL, and hold nothing between calls.
"""
