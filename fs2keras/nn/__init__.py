"""What more than one family of models uses. Knows keras only, and never says "pitch"."""
