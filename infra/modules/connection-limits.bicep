// How many connections a cache takes, by its SKU.

// https://learn.microsoft.com/azure/redis/overview#tiers-and-skus-at-a-glance
// https://azure.microsoft.com/pricing/details/cache/ has those of Azure Cache for Redis: "C0" is Basic or Standard C0.
var limits = {
  Balanced_B10: 30000
  Balanced_B20: 75000
  Balanced_B50: 150000
  MemoryOptimized_M20: 30000
  MemoryOptimized_M50: 75000
  MemoryOptimized_M100: 150000
  ComputeOptimized_X3: 30000
  ComputeOptimized_X5: 30000
  ComputeOptimized_X10: 75000
  ComputeOptimized_X20: 150000
  C0: 256
  C1: 1000
  C2: 2000
  C3: 5000
  C4: 10000
  C5: 15000
  C6: 20000
  P1: 7500
  P2: 15000
  P3: 30000
  P4: 40000
  P5: 40000
}

var smallest = ['Balanced_B0', 'Balanced_B1', 'Balanced_B3', 'Balanced_B5', 'MemoryOptimized_M10']

@export()
@description('Those of a SKU; the larger ones that are not listed take 200,000.')
func mostConnectionsOf(sku string) int => contains(smallest, sku) ? 15000 : limits[?sku] ?? 200000
