"""The companies of the demo's week. All are invented, at domains that are reserved for examples."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """A customer, or one who may become it. `number` is its id in the billing system; 0 where it has none."""

    slug: str
    name: str
    industry: str
    employees: int
    plan: str
    number: int = 0

    @property
    def domain(self) -> str:
        """Give the registrable domain of its e-mail addresses."""
        return f"{self.slug}.example"


PRODUCT_CUSTOMERS = (
    Company("northwind-freight", "Northwind Freight", "Logistics", 640, "enterprise"),
    Company("halden-optics", "Halden Optics", "Manufacturing", 210, "business"),
    Company("kestrel-biologics", "Kestrel Biologics", "Biotechnology", 1350, "enterprise"),
    Company("brightmoor-energy", "Brightmoor Energy", "Utilities", 2900, "enterprise"),
    Company("lumen-and-oak", "Lumen & Oak", "Retail", 45, "team"),
    Company("quarry-lane", "Quarry Lane Studio", "Design", 18, "team"),
    Company("osprey-payments", "Osprey Payments", "Financial Services", 420, "business"),
    Company("fennel-street", "Fennel Street Foods", "Food Production", 95, "team"),
    Company("tallow-bridge", "Tallow Bridge Legal", "Legal Services", 130, "business"),
    Company("cobalt-ridge", "Cobalt Ridge Aggregates", "Construction", 310, "business"),
    Company("meridian-care", "Meridian Care Group", "Healthcare", 3100, "enterprise"),
    Company("paperkite", "Paperkite Learning", "Education", 76, "trial"),
    Company("stonewater-mutual", "Stonewater Mutual", "Insurance", 880, "business"),
    Company("arbor-and-finch", "Arbor & Finch Hotels", "Hospitality", 260, "business"),
    Company("vantage-harbour", "Vantage Harbour Lines", "Shipping", 540, "business"),
    Company("sable-robotics", "Sable Robotics", "Robotics", 62, "trial"),
)
API_CUSTOMERS = (
    Company("ironbark-telecom", "Ironbark Telecom", "Telecommunications", 4100, "enterprise", 4101),
    Company("ptarmigan-air", "Ptarmigan Air", "Aviation", 1900, "enterprise", 4102),
    Company("redshank-media", "Redshank Media", "Publishing", 160, "business", 4107),
    Company("ostra-tooling", "Ostra Tooling", "Manufacturing", 230, "business", 4113),
    Company("glasswing", "Glasswing Software", "Software", 85, "team", 4118),
    Company("marrow-creek", "Marrow Creek Farms", "Agriculture", 54, "team", 4121),
    Company("pelham-data", "Pelham Data Services", "IT Services", 120, "business", 4126),
    Company("corvid-security", "Corvid Security", "Security", 48, "team", 4130),
    Company("saltmarsh-water", "Saltmarsh Water", "Utilities", 700, "enterprise", 4139),
    Company("tern-and-vale", "Tern & Vale", "Architecture", 33, "team"),
)
PROSPECTS = (
    Company("alder-point", "Alder Point Capital", "Financial Services", 60, "none"),
    Company("blue-heron-textiles", "Blue Heron Textiles", "Textiles", 340, "none"),
    Company("candlewick-press", "Candlewick Row Press", "Publishing", 40, "none"),
    Company("dunmore-dairy", "Dunmore Dairy", "Food Production", 510, "none"),
    Company("eastgate-clinics", "Eastgate Clinics", "Healthcare", 290, "none"),
    Company("foxglove-games", "Foxglove Games", "Games", 71, "none"),
    Company("granite-post", "Granite Post Logistics", "Logistics", 820, "none"),
    Company("hollin-and-shaw", "Hollin & Shaw", "Consulting", 150, "none"),
    Company("juniper-transit", "Juniper Transit", "Transport", 1200, "none"),
    Company("larkspur-solar", "Larkspur Solar", "Energy", 190, "none"),
    Company("mossbank-university", "Mossbank University", "Education", 2400, "none"),
    Company("orrery-labs", "Orrery Labs", "Research", 36, "none"),
)

MAIL_HOSTS = {
    "kestrel-biologics": "emea.kestrel-biologics.example",
    "mossbank-university": "cs.mossbank-university.example",
}
"""Companies whose people have addresses at a subdomain: still one account each."""
