"""The ranks that train together, as one of them sees them: several children of mlxr, or one."""

from __future__ import annotations

from typing import Any


class World:
    """This rank among the others; alone it is rank 0 of 1."""

    def __init__(self) -> None:
        """Meet the other ranks, if MLX's environment names any; waits for them."""
        import mlx.core as mx

        self._group: Any = mx.distributed.init()
        self.rank = int(self._group.rank())
        self.size = int(self._group.size())

    @property
    def leads(self) -> bool:
        """Whether this rank is the one that writes and reports."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true on any rank; all must ask, and wait for each other.

        A rank that stopped by itself would leave the others waiting for its gradients.
        """
        import mlx.core as mx

        if self.size == 1:
            return flag
        total = mx.distributed.all_sum(mx.array(int(flag)), group=self._group, stream=mx.cpu)
        return bool(total.item())
