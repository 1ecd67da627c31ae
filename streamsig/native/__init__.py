"""The kernels: loops over whole arrays that must run at the speed of memory, in C in this folder.

`hatch_build.py` compiles them when streamsig is installed, into one library per level of processor. Importing `library`
loads the best one that the processor can run. Kernels take contiguous arrays, whose types are checked, release the
GIL, and store nothing between calls.
"""
