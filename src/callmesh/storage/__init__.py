"""Where calls are kept. Siblings of one seam: `callmesh.ports.Storage`."""
