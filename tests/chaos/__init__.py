"""Campaigns that are killed at random instants, and an auditor who counts what that cost."""
