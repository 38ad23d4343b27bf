"""The scene: volumes, labels, transforms, views and sequences as images, and changes as one."""
