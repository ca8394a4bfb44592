"""What a campaign will take: simulated campaigns, compared."""
