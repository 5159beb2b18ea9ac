"""A run in another place, with checksums: as a folder or as a .tar.zst, updated, verified and restored."""
