"""The networks and the mathematics of diffusion; they know nothing of genres or data sets."""

import contextlib
import ctypes
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from noteninja_lib import quick_imports
from noteninja_lib.errors import Stopped, UserError


def check_device(device: str) -> torch.device:
    """A torch device by name, or one sentence."""
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    try:
        if found.get(device.split(":")[0], False):
            return torch.device(device)
    except RuntimeError:  # such as cpu:x
        pass
    there = ", ".join(name for name, here in found.items() if here)
    raise UserError(f"There is no device {device} here: choose from {there}.")


class StandIn(ModuleType):
    """A module in place of one that takes long to be imported; who wants more than is in it gets that one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Use diffusers without importing torch's compiler and `scipy.stats`, which take as long as torch itself.

    It names both, and has no use for either unless it is asked to compile, or for other samplers.
    """
    compiler, stats = StandIn("torch._dynamo"), StandIn("scipy.stats")
    unchanged = lambda function=None, *_, **__: function or unchanged  # noqa: E731
    compiled = SimpleNamespace(OptimizedModule=type("NothingIsCompiled", (), {}))
    vars(compiler).update(allow_in_graph=unchanged, disable=unchanged, eval_frame=compiled)
    for one in (compiler, stats):
        sys.modules.setdefault(one.__name__, one)
    try:
        yield
    finally:
        for one in (compiler, stats):
            if sys.modules.get(one.__name__) is one:
                del sys.modules[one.__name__]


with quick_imports(), contextlib.suppress(Exception), stand_ins():
    # Where a version needs more of them, the imports that follow elsewhere get the real ones.
    for used in ("AutoencoderKL", "DiffusionPipeline", "FlowMatchEulerDiscreteScheduler", "UNet2DModel"):
        getattr(importlib.import_module("diffusers"), used)

# torch's convolutions keep what they compiled for each length of a song: 1,024 of these are 120 MB, of which
# most are of songs that are done. A conversion of a singer needs 182.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
try:
    _libc = ctypes.CDLL(None)
    # M_ARENA_MAX, since else each thread keeps 50 MB that no other can use; M_TRIM_THRESHOLD and
    # M_MMAP_THRESHOLD of glibc's <malloc.h>, since to get each page from the system anew takes time.
    for setting, value in ((-8, 1), (-1, 256 * 2**20), (-3, 32 * 2**20)):
        _libc.mallopt(setting, value)
except (AttributeError, OSError, TypeError):  # another system's library
    _libc = None
MUCH = 64 * 2**20  # bytes


def give_back(size: int) -> None:
    """Before much memory, of a size in bytes, is asked for: give back what was freed to the system."""
    if _libc and size > MUCH:
        _libc.malloc_trim(0)


_sharing = threading.Lock()  # torch has one number of threads for all that begin
_worker = threading.local()
MOST = 4  # windows at once: each needs some 60 MB


def in_threads(
    work: Callable[[Any], Any], items: Iterable[Any], progress: Callable[[float], None] = lambda done: None
) -> list[Any]:
    """What some work makes of each item, on several of them at once.

    A network as small as ours, or a Fourier transform, makes little use of two cores at once: each with a
    stretch of music of its own is quicker.

    Parameters
    ----------
    work : callable
        Has no use for gradients.
    items : iterable
    progress : callable
        Called with the fraction done, in this thread; may raise to stop.

    Returns
    -------
    list
        In the order of the items.
    """
    items, threads, inference = list(items), torch.get_num_threads(), torch.is_inference_mode_enabled()
    workers, stopped = min(len(items), threads, MOST), threading.Event()

    def alone(item):
        _worker.stopped = stopped
        with torch.inference_mode(inference), torch.no_grad():  # which each thread has to ask for by itself
            return work(item)

    if workers < 2 or not _sharing.acquire(blocking=False):
        found, outer = [], getattr(_worker, "stopped", None)  # of the thread that this runs in
        for number, item in enumerate(items):
            if outer and outer.is_set():
                raise Stopped
            progress(number / len(items))
            with torch.no_grad():
                found.append(work(item))
        return found
    try:
        torch.set_num_threads(threads // workers)  # of each thread that begins from now on
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(alone, item) for item in items]
            try:
                found = []
                for number, future in enumerate(futures):
                    progress(number / len(items))
                    found.append(future.result())
                return found
            finally:
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        torch.set_num_threads(threads)
        _sharing.release()


def share_of(
    progress: Callable[[float, str], None], begin: float, size: float, what: str
) -> Callable[[float], None]:
    """Of a progress callback the share of one stage: called with the fraction of it that is done."""
    return lambda done: progress(begin + size * done, what)


def fast_bf16(device: torch.device | None = None) -> bool:
    """Whether a device multiplies bf16 matrices in hardware: elsewhere they would be slower, not quicker."""
    if device is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    kinds = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # which not every torch knows
    return device.type == "cpu" and any(getattr(torch.cpu, kind, bool)() for kind in kinds)


def half_precision(device: torch.device) -> torch.autocast:
    """A context in which convolutions and products of matrices are in bf16, where that is quicker.

    Latents then differ by half a percent, decoded mels by .01 nats: a tenth of what the autoencoder loses.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_bf16(device))
