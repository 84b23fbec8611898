"""How much disk a tree takes."""

from __future__ import annotations

import os


def tree_size(path: str) -> int:
    """Bytes of all regular files and links beneath ``path``, a file with several names once, as ``du --apparent-size``.

    What vanishes meanwhile, or may not be read, does not count. Links are not followed.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                            continue
                        info = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if info.st_nlink > 1:
                        if (info.st_dev, info.st_ino) in seen:
                            continue
                        seen.add((info.st_dev, info.st_ino))
                    total += info.st_size
        except OSError:
            continue
    return total
