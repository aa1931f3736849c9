"""The same kernels for GPUs: CUDA C++ that NVRTC compiles when it is first needed, through CuPy.

`sources` has the texts, `launching` compiles and starts them, `ops.gpu` calls them. What processors
and GPUs do alike is written once, in the files that end in `.cuh`.
"""
