"""The index."""
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar
from router.filters.conditions import condition_of
from router.filters.envelopes import slot_of, values_of
from router.filters.paths import Paths
Target = TypeVar("Target")
class Snapshot(Generic[Target]):
    def __init__(self, filed, paths): self.filed=filed; self.paths=paths
    def match(self, envelopes, bodies=None):
        out=[]
        for i,e in enumerate(envelopes):
            v=values_of(e, bodies and bodies[i], self.paths)
            out.append([t for conds,t in self.filed if all(c.accepts(v[s]) for s,c in conds)])
        return out
    needs_body=True
class Index(Generic[Target]):
    def __init__(self): self.filed={}; self.paths=Paths()
    def __len__(self): return len(self.filed)
    def add(self,key,clauses,target):
        self.filed[key]=([(slot_of(c,self.paths),condition_of(c)) for c in clauses],target)
    def remove(self,key): self.filed.pop(key,None)
    def snapshot(self): return Snapshot(list(self.filed.values()),self.paths)
