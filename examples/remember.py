"""Show an object to a model, hide it, and ask frame by frame what and where it is."""

import torch

from neurosvt import load, make_scenes
from neurosvt.scenes import SHAPE_CLASSES

model = load("permanence").model
scenes = make_scenes("blackout", seed=7, batch=1, seen=24, hidden=60, after=0)

state = None
with torch.no_grad():
    for step, frame in enumerate(torch.from_numpy(scenes.frames)):
        belief, state = model.step(frame, state)
        if step % 12 == 11:
            predicted = SHAPE_CLASSES[belief.class_logits[0].argmax()]
            x, y = belief.position[0].tolist()
            true_x, true_y = scenes.position[step, 0].tolist()
            print(
                f"frame {step:3}  {'hidden' if scenes.hidden[step, 0] else 'in view':8}"
                f"says {predicted} at ({x:.2f}, {y:.2f}); "
                f"is {SHAPE_CLASSES[scenes.label[step, 0]]} at ({true_x:.2f}, {true_y:.2f})"
            )
