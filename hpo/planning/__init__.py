"""What a campaign will take, before anything is spent: `hpo plan`."""
