"""Callbacks of SB3's kind that fine-tuning adds to SB3's own: one module each."""

from sb3_mimic.rl.callbacks.adaptive_rate import AdaptiveRateCallback, adapt_rate
from sb3_mimic.rl.callbacks.checkpoint import AtomicCheckpointCallback, SaveModelCallback
from sb3_mimic.rl.callbacks.evaluation import UniformStartsEvalCallback
from sb3_mimic.rl.callbacks.loading import load_callback
from sb3_mimic.rl.callbacks.motion_sampling import MotionSamplingCallback
from sb3_mimic.rl.callbacks.noise_ceiling import NoiseCeilingCallback
from sb3_mimic.rl.callbacks.normalizer import NormalizerCallback
from sb3_mimic.rl.callbacks.progress import HistogramCallback, ProgressCallback
from sb3_mimic.rl.callbacks.push_limits import PushLimitsCallback
from sb3_mimic.rl.callbacks.reward_terms import RewardTermsCallback
from sb3_mimic.rl.callbacks.stagger import StaggerCallback
from sb3_mimic.rl.callbacks.threads import ThreadsCallback
from sb3_mimic.rl.callbacks.video import VideoCallback

__all__ = [
    "AdaptiveRateCallback",
    "AtomicCheckpointCallback",
    "HistogramCallback",
    "MotionSamplingCallback",
    "NoiseCeilingCallback",
    "NormalizerCallback",
    "ProgressCallback",
    "PushLimitsCallback",
    "RewardTermsCallback",
    "SaveModelCallback",
    "StaggerCallback",
    "ThreadsCallback",
    "UniformStartsEvalCallback",
    "VideoCallback",
    "adapt_rate",
    "load_callback",
]
