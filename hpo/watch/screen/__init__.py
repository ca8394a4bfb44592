"""What `hpo watch` draws and which keys it knows: the only place that imports Textual."""
