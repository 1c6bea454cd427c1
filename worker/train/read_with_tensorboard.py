"""Prints what TensorBoard reads of a log folder: `tag step value` of scalars, `tag step count` of histograms."""

import sys

from tensorboard.backend.event_processing import event_accumulator, tag_types

events = event_accumulator.EventAccumulator(sys.argv[1], size_guidance={tag_types.TENSORS: 0})
events.Reload()
tags = events.Tags()
for tag in tags[tag_types.SCALARS]:
    for event in events.Scalars(tag):
        print(tag, event.step, f"{event.value:g}")
for tag in tags[tag_types.HISTOGRAMS]:
    for event in events.Histograms(tag):
        print(tag, event.step, f"{event.histogram_value.num:g}")
