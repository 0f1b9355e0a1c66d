"""Proof that the exported file answers what the model in PyTorch answers."""
