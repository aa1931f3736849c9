"""The page of Neuro-SVT as a Space of the hub: `python app.py` serves it on port 7860."""

from neurosvt.app.serve import serve

if __name__ == "__main__":
    serve("permanence", "0.0.0.0", 7860, shipped_only=True)
