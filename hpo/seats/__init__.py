"""How many jobs there should be, and which: what a seat offers, a leg needs, an array may run.

Pure: the cluster is asked elsewhere, and orders are carried out elsewhere (`manager.seats`).
"""
