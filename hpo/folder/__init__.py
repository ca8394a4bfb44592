"""Every file of a campaign: names, formats, renames.

Owns what lies on the disk and survives a crash; knows nothing of what it means.
"""
