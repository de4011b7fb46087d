"""Many independent measurements, spread over the cores, with a progress bar; the order of the jobs is kept."""
from concurrent.futures import ProcessPoolExecutor

import torch
from tqdm import tqdm


def _one_thread():
    torch.set_num_threads(1)          # one process a core: threads within it would only get in each other's way


def spread(work, jobs, workers, unit):
    """Results of `work` for each of the jobs, in their order; one process a worker, and none for a single one.

    Parameters
    ----------
    work : callable
        A function of a module, or a `functools.partial` of one.
    jobs : list
    workers : int
    unit : str
        What the progress bar counts, such as " recordings".

    Returns
    -------
    list
    """
    with tqdm(total=len(jobs), unit=unit, dynamic_ncols=True) as bar:
        results = []
        if workers == 1:
            for job in jobs:
                results.append(work(job))
                bar.update()
            return results
        with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
            for result in pool.map(work, jobs):
                results.append(result)
                bar.update()
    return results
