"""PermanenceBench: does a model still know what it cannot see?"""

from neurosvt.permanence.adapter import StepModel
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.presence_table import presence_table
from neurosvt.permanence.score_table import evaluate_permanence, score_table
from neurosvt.permanence.tasks import NMNISTTask, SceneTask, TrackTask

__all__ = [
    "NMNISTTask",
    "PermanencePlan",
    "SceneTask",
    "StepModel",
    "TrackTask",
    "evaluate_permanence",
    "presence_table",
    "score_table",
]
