"""Files in, typed samples out; knows no model."""
