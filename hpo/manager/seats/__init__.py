"""The manager's hand on the queue: submits, resizes, avoids, cancels what `hpo.seats` decided."""
