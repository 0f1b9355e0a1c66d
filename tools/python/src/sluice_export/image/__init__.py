"""How training prepared its pictures: read from transforms or flags, written to model.json, done again for proof."""
