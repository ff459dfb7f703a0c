"""Layers as strangers write them: a sound one, and beside it the same with a mistake in it."""
