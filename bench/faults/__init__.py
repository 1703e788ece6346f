"""`bench.faults`: rollouts of small releases to virtual devices, with a fault in each of them."""
