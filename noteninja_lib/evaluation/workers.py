"""Many independent measurements, spread over the cores; the order of the jobs is kept."""
from functools import partial

import torch
from tqdm import tqdm

from ..dataset.hearing import processes


def _with_one_thread(work, job):
    torch.set_num_threads(1)          # one process a core: threads within it would only get in each other's way
    return work(job)


def in_order(work, jobs, workers):
    """Results of `work` for each of the jobs, in their order; a generator.

    Parameters
    ----------
    work : callable
        A function of a module, or a `functools.partial` of one.
    jobs : list
    workers : int
        Processes; a single one is this one, with all its threads.
    """
    if workers == 1:
        yield from map(work, jobs)
    else:
        with processes(workers) as pool:
            yield from pool.map(partial(_with_one_thread, work), jobs)


def spread(work, jobs, workers, unit):
    """The same as a list, with a progress bar that counts `unit`, such as " recordings"."""
    return list(tqdm(in_order(work, jobs, workers), total=len(jobs), unit=unit, dynamic_ncols=True))
