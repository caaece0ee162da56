"""The practitioner's loop on a folder of images: which to label next, what the answers taught, whether it was worth it.

Every step leaves files that can be looked at: `state_folder` says which.
"""
