"""Drawbar lets a language model call the systems you already run."""
