"""The GPUs that device code is compiled for: the one place that names them."""

# (virtual architecture, what is made from it). Each virtual architecture is one more pass of the device compiler
# over every .cu file; each sm_ adds one assembly.
CUDA_ARCHITECTURES = [
    # Machine code for A100, which the other GPUs of generation 8 (A10, RTX 30 and 40, L4, L40) run as it is. The PTX of the
    # same pass costs no second one and is what a newer GPU than ours compiles for itself when the program starts.
    ("compute_80", ["sm_80", "compute_80"]),

    # H100 and H200, with the instructions that only they have (wgmma).
    ("compute_90a", ["sm_90a"]),
]
