"""Registries: who is asked for an image, with which credentials, and the distribution protocol itself.

Synchronous, for threads: a pull downloads each layer in its own. Everything a registry answers is hostile: bounded,
verified by digest, and never a reason to send credentials to anybody else.
"""
