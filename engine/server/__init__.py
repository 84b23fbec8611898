"""The Docker Engine API over any engine of ours: what ``longshore serve`` runs.

::

    listeners    unix and TCP sockets, or those that systemd hands over
    serving      accepts, counts and ends connections
    connection   HTTP/1.1 on one of them: h11 parses, limits hold, hijacking
    router       method and path -> handler; errors -> status and {"message": …}
    routes/*     one module a noun: a request becomes calls of engine.interface, values become Docker's JSON
    websocket    a handed-over connection in websocket frames
    service      what outlives a request: exec instances, attached terminals

An ASGI server can not hand a connection over as attach and exec need it, and can not send a head before its body as wait
does; h11, which httpx brings, parses HTTP and leaves the bytes to us. Docker's JSON is :mod:`engine.dockerapi`'s; here is none
but through it. The server holds no state that matters: it may be killed at any moment, containers go on, and what is lost are
the exec instances that nobody has started yet.

The verb ``serve`` starts it, so that in the import law ``cli`` stands above ``server``, and both above ``connect``.
"""
