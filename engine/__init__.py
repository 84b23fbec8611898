"""Longshore's container engine: registries, images, namespaces, networks and the backends that drive them.

Import direction, high to low, checked by import-linter (see ``pyproject.toml``)::

    cli | server -> connect -> backends -> compose | build | supervisor
      -> image | network | storage | metrics -> dockerapi | registry | runtime
      -> linux | store -> interface -> model -> errors

Nothing here imports ``tui``, ``textual`` or ``rich``.
"""
