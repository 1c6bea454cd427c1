#!/usr/bin/env python3
"""PyTorch's DistributedDataParallel over gloo: so many processes with one thread each, on a batch that stays the same.

`tests/cluster/cluster_bench.py` starts it and measures in turns with Downpour's processes. Each line "N" on the first
process's standard input is N steps of all; the answer is a JSON object with the images of all in a second.
"""

import argparse
import json
import os
import sys
import time


def work(options):
    if options.variant != "stock":
        import torch_step
        torch_step.keep_memory()
    import torch
    import torch.distributed as distributed
    import torch_models
    from torch.nn.parallel import DistributedDataParallel
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=options.rank, world_size=options.processes,
                                   init_method=f"tcp://127.0.0.1:{options.port}")
    step = torch_models.make_step(options.model, options.variant, options.batch, DistributedDataParallel)
    for _ in range(3):
        step()
    steps = torch.zeros(1, dtype=torch.int64)
    if options.rank == 0:
        print(json.dumps({"system": f"torch-{torch.__version__.split('+')[0]}"}), flush=True)
    while True:
        if options.rank == 0:
            steps[0] = int(sys.stdin.readline() or 0)  # at its end: 0
        distributed.broadcast(steps, 0)
        if int(steps) == 0:
            return
        distributed.barrier()
        begin = time.perf_counter()
        for _ in range(int(steps)):
            step()
        distributed.barrier()
        took = time.perf_counter() - begin
        if options.rank == 0:
            images = options.processes * options.batch * int(steps) / took
            print(json.dumps({"images_per_second": images}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", default="cifar10")
    parser.add_argument("--variant", default="expert", choices=["stock", "expert", "expert_bfloat16"])
    parser.add_argument("--batch", type=int, default=128, help="of each process")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1, where they meet")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    work(parser.parse_args())
