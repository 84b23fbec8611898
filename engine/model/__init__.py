"""Immutable values that cross package borders: what containers, images, networks and volumes are.

One module a noun, imported one by one: a verb that lists containers must not pay for the images' classes.
"""
