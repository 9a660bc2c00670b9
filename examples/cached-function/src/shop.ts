// What is slow: a database, another service. Here it is made up.

export interface Product {
  id: string;
  name: string;
  madeAt: string;
}

export async function loadProduct(id: string): Promise<Product> {
  return { id, name: `Product ${id}`, madeAt: new Date().toISOString() };
}

export async function loadPrice(id: string, currency: string): Promise<{ amount: number; currency: string }> {
  return { amount: id.length * 10, currency };
}
