"""Event recordings: what a camera saw, as arrays, frames and films."""
