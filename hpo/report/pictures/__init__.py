"""Pictures of a campaign for a paper, drawn with matplotlib: one module each, and all as files.

They are drawn from what the report page is drawn from. Needs the extra `report`.
"""
