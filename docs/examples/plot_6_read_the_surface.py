"""
Read the surface of a label
===========================

A label is a function of what was logged: how long the video was watched, how long it
is, and whether there was explicit feedback. So it can be drawn, and a learned label can
be told in a few rules.
"""

# %%
# Watch time does not ask how long the video is. The completion rate only asks which
# share of it was watched. D2Q asks how the watch time compares with that of others on
# videos of about the same duration. The dashed line is where a video was watched just
# once. None of the three looks at explicit feedback, so the pictures do without it.

import matplotlib.pyplot as plt

from sklabelcraft import (
    D2Q,
    Columns,
    LabelSurfaceDisplay,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=300, random_state=0).frame
rules = {
    "watch time": WatchTime(),
    "completion rate": PlayCompletionRate(),
    "D2Q": D2Q(),
}
without = Columns(explicit=())
fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, (name, rule) in zip(axes, rules.items(), strict=True):
    LabelSurfaceDisplay.from_estimator(rule.fit(log), log, columns=without, axes=[ax])
    ax.set_title(name)

# %%
# Now a label is learned. It starts from a hand-made rule and moves each row's log-odds
# by at most ``bound``, so that the lists of the ranker serve the platform's objectives.

from sklabelcraft import LabelCrafter

crafter = LabelCrafter(k=5, random_state=0).fit(log)

# %%
# Its surface has two panels, for rows without and with explicit feedback. What it gives
# for the feedback can be read from the difference of the two, and how it treats long
# videos by following a line of equal watch time from left to right.

display = LabelSurfaceDisplay.from_estimator(crafter, log)

# %%
# A decision tree of a few leaves says nearly the same in words. Half of the rows teach
# the tree, whose R2 is that on the other half.

crafter.explain(log, max_leaf_nodes=6)
