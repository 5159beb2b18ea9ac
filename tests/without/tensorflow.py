"""Stands before TensorFlow on the path of a process that shall have none."""

raise ImportError("not here")
