"""What a forward pass did; what it would cost comes with the energy tables."""
