/** Puts the comments that the source shows on the properties of a shape. */
import type { FieldDocs } from "./typescript/index.js";
import { isKeyword, type Definition, type Property, type Shape, type Side } from "./shape.js";

/** The side with these comments; those win over what `.describe()` said. */
export function joinDocs(side: Side, docs: FieldDocs | undefined): Side {
  if (docs === undefined) return side;
  const definitions: Record<string, Definition> = { ...side.definitions };
  const visited = new Set<string>();

  function join(shape: Shape, node: FieldDocs | undefined): Shape {
    if (node === undefined) return shape;
    switch (shape.kind) {
      case "object":
        return {
          ...shape,
          properties: shape.properties.map((property) => joinProperty(property, node.fields?.[property.name])),
        };
      case "array":
        return { ...shape, element: join(shape.element, node) };
      case "record":
      case "map":
      case "set":
        return { ...shape, value: join(shape.value, node) };
      case "readonly":
        return { ...shape, inner: join(shape.inner, node) };
      case "intersection":
        return { ...shape, members: shape.members.map((member) => join(member, node)) };
      case "union":
        return { ...shape, members: joinMembers(shape.members, node) };
      case "reference":
        joinDefinition(shape.id, node);
        return shape;
      default:
        return shape;
    }
  }

  function joinProperty(property: Property, node: FieldDocs | undefined): Property {
    if (node === undefined) return property;
    const joined = { ...property, shape: join(property.shape, node) };
    return node.docs === undefined ? joined : { ...joined, docs: node.docs };
  }

  /** `null` and `undefined` come of wrappers: the members that the source shows are the others. */
  function joinMembers(members: readonly Shape[], node: FieldDocs): readonly Shape[] {
    const isWrapping = (member: Shape) => isKeyword(member, "null") || isKeyword(member, "undefined");
    const own = members.filter((member) => !isWrapping(member));
    if (node.members !== undefined && node.members.length !== own.length) return members;
    return members.map((member) => {
      if (isWrapping(member)) return member;
      return join(member, node.members === undefined ? node : node.members[own.indexOf(member)]);
    });
  }

  function joinDefinition(id: string, node: FieldDocs): void {
    const definition = definitions[id];
    if (definition === undefined || visited.has(id)) return;
    visited.add(id);
    definitions[id] = { ...definition, shape: join(definition.shape, node) };
  }

  return { shape: join(side.shape, docs), definitions };
}
