"""What Caddie knows about each optimizer: one TOML file an optimizer, read strictly."""
