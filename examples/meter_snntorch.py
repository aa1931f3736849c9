"""Count what a network of another library does, here snnTorch, and what that would cost."""

import snntorch
import torch
from torch import nn

from neurosvt.energy.costs import all_costs, joules
from neurosvt.energy.count import Meter


class Net(nn.Module):
    """Two layers of leaky neurons, over ten steps."""

    def __init__(self):
        super().__init__()
        self.into, self.out = nn.Linear(784, 200), nn.Linear(200, 10)
        self.hidden, self.said = snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.9)

    def forward(self, spikes):
        first, second, total = self.hidden.init_leaky(), self.said.init_leaky(), 0
        for step in spikes:
            inner, first = self.hidden(self.into(step), first)
            outer, second = self.said(self.out(inner), second)
            total = total + outer
        return total


torch.manual_seed(0)
net, spikes = Net(), (torch.rand(10, 32, 784) < 0.1).float()

with torch.no_grad(), Meter(net, batch_axes=2) as meter:
    net(spikes)
for name, done in meter.layers.items():
    print(f"{name}: {done.acs:,} ACs, {done.macs:,} MACs, {done.updates:,} updates")
for table in all_costs():
    print(f"{table.name} {table.precision}: {1e6 * joules(meter.total, table) / 320:.3g} uJ a step")
