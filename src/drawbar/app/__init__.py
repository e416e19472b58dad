"""The composition root: the only place that knows every layer.

`gateway` is what a program or the command line needs to call functions; `deployment` adds what
`drawbar serve` needs: the model, the runs and the surfaces.
"""

from drawbar.app.gateway import Gateway, load

__all__ = ["Gateway", "load"]
