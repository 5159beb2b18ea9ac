"""F0 by Harvest (Morise, Interspeech 2017)."""
