resource "openstack_compute_keypair_v2" "this" {
  name       = var.name
  public_key = var.public_key
}

# Hosts of the cluster trust each other; nothing else reaches this group.
resource "openstack_networking_secgroup_v2" "cluster" {
  name        = "${var.name}-cluster"
  description = "Between the hosts of ${var.name}"
}

resource "openstack_networking_secgroup_rule_v2" "cluster" {
  description       = "Everything between the hosts: flannel, kubelet, metrics"
  direction         = "ingress"
  ethertype         = "IPv4"
  remote_group_id   = openstack_networking_secgroup_v2.cluster.id
  security_group_id = openstack_networking_secgroup_v2.cluster.id
}

resource "openstack_networking_secgroup_v2" "public" {
  name        = "${var.name}-public"
  description = "What the server of ${var.name} offers to the outside"
}

resource "openstack_networking_secgroup_rule_v2" "public" {
  for_each = local.public_ports

  description       = each.key
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = each.value.port
  port_range_max    = each.value.port
  remote_ip_prefix  = each.value.from
  security_group_id = openstack_networking_secgroup_v2.public.id
}
