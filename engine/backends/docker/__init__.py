"""The backend that drives any Docker Engine API: Docker, Podman, or another Longshore's server.

Importing the package costs nothing; httpx and asyncio are imported when an engine is opened.
"""
